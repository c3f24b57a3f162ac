// A real Z-Wave JS with its server, on mock nodes of its own makers: two locks.
//
//   node radio.cjs PACKAGES CACHE
//
// It says `{"port": N}` as its first line, then answers each line on its standard input, a
// command `{"do": ..., "node": 2, ...}`, with a line, and ends with its input.

const { createRequire } = require("node:module");
const readline = require("node:readline");
const net = require("node:net");

const [packages, cache] = process.argv.slice(2);
const from = createRequire(`${packages}/`);
const { DoorLockMode, DoorLockOperationType, UserCredentialType } = from("@zwave-js/cc");
const {
    DoorLockCCOperationGet,
    DoorLockCCOperationReport,
    DoorLockCCOperationSet,
} = from("@zwave-js/cc/DoorLockCC");
const { BatteryCCGet, BatteryCCReport } = from("@zwave-js/cc/BatteryCC");
const { NotificationCCReport } = from("@zwave-js/cc/NotificationCC");
const { UserCodeCCSet } = from("@zwave-js/cc/UserCodeCC");
const { UserCredentialCCCredentialSet } = from("@zwave-js/cc/UserCredentialCC");
const { CommandClasses, ZWaveErrorCodes } = from("@zwave-js/core");
const { Bytes } = from("@zwave-js/shared");
const testing = from("@zwave-js/testing");
const {
    createAndStartDriverWithMockPort,
    createDefaultMockControllerBehaviors,
    createDefaultMockNodeBehaviors,
} = from("zwave-js/Testing");
const { ZwavejsServer } = from("@zwave-js/server");

const ACCESS_CONTROL = 6;
const SLOTS = 8;
const PIN = UserCredentialType.PINCode;

// What every lock has, and by which command class it keeps its codes.
const KINDS = {
    2: { ccId: CommandClasses["User Code"], version: 1, numUsers: SLOTS },
    3: {
        ccId: CommandClasses["User Credential"],
        version: 1,
        numberOfSupportedUsers: SLOTS,
        supportedCredentialTypes: new Map([
            [PIN, {
                numberOfCredentialSlots: SLOTS,
                minCredentialLength: 4,
                maxCredentialLength: 8,
                maxCredentialHashLength: 0,
                supportsCredentialLearn: false,
            }],
        ]),
    },
    4: undefined,
};

// How a lock fails, until it is healed: its motor sticks and it says so (jammed) or not
// (stuck); it moves and says nothing (silent); it takes its time (slow), refuses the next
// code, or forgets each; it does not answer where its bolt is (mute).
const FLAWS = ["jammed", "stuck", "silent", "slow", "refuses", "forgets", "mute"];

class MockLock {
    there = true;
    moves = 0;

    constructor(node, keeps) {
        this.node = node;
        this.legacy = keeps === CommandClasses["User Code"];
        this.turn(DoorLockMode.Secured);
        node.defineBehavior(
            { handleCC: (_, __, cc) => this.onAny(cc) },
            { handleCC: (_, __, cc) => this.onCode(cc) },
            { handleCC: (_, __, cc) => this.onMove(cc) },
            {
                handleCC: (controller, _, cc) => {
                    if (!(cc instanceof BatteryCCGet)) return;
                    const report = { nodeId: controller.ownNodeId, isLow: false, level: 77 };
                    return { action: "sendCC", cc: new BatteryCCReport(report) };
                },
            },
        );
    }

    get controllerId() {
        return this.node.controller.ownNodeId;
    }

    get mode() {
        return this.node.state.get("DoorLock_currentMode");
    }

    turn(mode) {
        this.node.state.set("DoorLock_currentMode", mode);
    }

    async onAny(cc) {
        if (!this.there || (this.mute && cc instanceof DoorLockCCOperationGet)) {
            return { action: "stop" };
        }
        if (this.slow) await new Promise((done) => setTimeout(done, 1500));
    }

    onMove(cc) {
        if (!(cc instanceof DoorLockCCOperationSet)) return;
        this.moves += 1;
        if (this.jammed) {
            setTimeout(() => this.notify(0x0b), 50);
            return { action: "ok" };
        }
        if (this.stuck) return { action: "ok" };
        if (this.silent) return;
        setTimeout(() => this.notify(cc.mode === DoorLockMode.Secured ? 0x03 : 0x04), 50);
    }

    onCode(cc) {
        if (!(cc instanceof UserCodeCCSet || cc instanceof UserCredentialCCCredentialSet)) return;
        const digits = cc.userCode ?? cc.credentialData;
        const said = digits === undefined ? "" : Bytes.from(digits).toString("utf8");
        const twice = Object.entries(this.codes()).some(
            ([slot, code]) => code === said && Number(slot) !== (cc.credentialSlot ?? cc.userId),
        );
        if (this.refuses || (said && twice && this.legacy)) {
            this.refuses = false;
            return { action: "fail" };
        }
        if (this.forgets) return { action: "ok" };
    }

    codes() {
        const found = {};
        for (let slot = 1; slot <= SLOTS; slot++) {
            const code = this.legacy
                ? this.node.state.get(`UserCode_userCode_${slot}`)
                : this.node.state.get(`UserCredential_cred_${PIN}_${slot}`)?.credentialData;
            if (code !== undefined) found[slot] = Bytes.from(code).toString("utf8");
        }
        return found;
    }

    setCode(slot, digits) {
        if (this.legacy) {
            this.node.state.set(`UserCode_userIdStatus_${slot}`, digits ? 1 : 0);
            this.node.state.set(`UserCode_userCode_${slot}`, digits || undefined);
            return;
        }
        this.addUser(slot);
        this.addCredential(slot, slot, digits);
    }

    addUser(user) {
        this.node.state.set(`UserCredential_user_${user}`, {
            userType: 0, active: true, credentialRule: 1, expiringTimeoutMinutes: 0,
            nameEncoding: 0, userName: "", modifierType: 3, modifierNodeId: 0,
        });
    }

    addCredential(user, slot, digits) {
        this.node.state.set(`UserCredential_cred_${PIN}_${slot}`, {
            userId: user, credentialData: Bytes.from(digits), modifierType: 3, modifierNodeId: 0,
        });
    }

    send(cc) {
        return this.node.sendToController(
            testing.createMockZWaveRequestFrame(cc, { ackRequested: false }),
        );
    }

    notify(event, parameters) {
        const fields = {
            nodeId: this.controllerId,
            notificationType: ACCESS_CONTROL,
            notificationEvent: event,
        };
        if (parameters) fields.eventParameters = Uint8Array.from(parameters);
        return this.send(new NotificationCCReport(fields));
    }

    report(mode) {
        this.turn(mode);
        return this.send(new DoorLockCCOperationReport({
            nodeId: this.controllerId,
            currentMode: mode,
            outsideHandlesCanOpenDoor: [true, true, true, true],
            insideHandlesCanOpenDoor: [true, true, true, true],
        }));
    }

    heal() {
        this.moves = 0;
        for (const flaw of FLAWS) this[flaw] = false;
        this.there = this.node.autoAckControllerFrames = true;
    }
}

async function freePort() {
    const probe = net.createServer();
    await new Promise((done) => probe.listen(0, "127.0.0.1", done));
    const { port } = probe.address();
    await new Promise((done) => probe.close(done));
    return port;
}

async function main() {
    const locks = {};
    const { driver, mockPort, serial, continueStartup } = await createAndStartDriverWithMockPort({
        storage: { cacheDir: cache, deviceConfigPriorityDir: cache },
        attempts: { sendData: 1, nodeInterview: 1 },
        timeouts: { report: 1000 },
        testingHooks: { skipFirmwareIdentification: true },
    });
    const controller = await testing.MockController.create({
        homeId: 0x7e570001, ownNodeId: 1, mockPort, serial,
    });
    controller.defineBehavior(...createDefaultMockControllerBehaviors());
    for (const [id, keeps] of Object.entries(KINDS)) {
        const node = await testing.MockNode.create({
            controller,
            id: Number(id),
            capabilities: {
                isListening: true,
                genericDeviceClass: 0x40,
                specificDeviceClass: 0x03,
                commandClasses: [
                    CommandClasses.Version,
                    CommandClasses["Manufacturer Specific"],
                    { ccId: CommandClasses.Battery, version: 1 },
                    { ccId: CommandClasses["Door Lock"], version: 2 },
                    {
                        ccId: CommandClasses.Notification,
                        version: 8,
                        supportsV1Alarm: false,
                        notificationTypesAndEvents: {
                            [ACCESS_CONTROL]: [1, 2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15, 16],
                        },
                    },
                    ...(keeps ? [keeps] : []),
                ],
            },
        });
        controller.addNode(node);
        node.defineBehavior(...createDefaultMockNodeBehaviors());
        locks[id] = new MockLock(node, keeps?.ccId);
    }
    const ready = new Promise((done) => driver.once("all nodes ready", done));
    continueStartup();
    await ready;
    const port = await freePort();
    const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
    const server = new ZwavejsServer(driver, { port, host: "127.0.0.1", logger: quiet });
    await server.start();

    const commands = {
        codes: (lock) => lock.codes(),
        state: (lock) => ({ mode: lock.mode, moves: lock.moves }),
        set: (lock, { flaw, value }) => { lock[flaw] = value; },
        code: (lock, { slot, digits }) => lock.setCode(slot, digits),
        notify: (lock, { event, parameters }) => lock.notify(event, parameters),
        report: (lock, { mode }) => lock.report(mode),
        reach: (lock, { there }) => {
            lock.there = lock.node.autoAckControllerFrames = there;
            const mine = driver.controller.nodes.get(lock.node.id);
            if (there) mine.markAsAlive();
            else mine.markAsDead();
        },
        given_up: (lock) => driver.controller.nodes.get(lock.node.id).markAsDead(),
        disable: (lock, { slot }) => lock.node.state.set(`UserCode_userIdStatus_${slot}`, 2),
        user: async (lock, { slot, credential }) => {
            const users = driver.controller.nodes.get(lock.node.id).accessControl;
            await users.addUser(slot, { active: true });
            if (credential) await users.setCredential(slot, PIN, credential, "13579000");
        },
        heal: async (lock) => {
            lock.heal();
            const mine = driver.controller.nodes.get(lock.node.id);
            mine.markAsAlive();
            if (lock.legacy) for (let slot = 1; slot <= SLOTS; slot++) lock.setCode(slot, "");
            else await mine.accessControl?.deleteAllUsers();
            // A turn by hand ends a jam, and a shut keypad a code that opens.
            await lock.report(DoorLockMode.Secured);
            await lock.notify(0x01);
            await lock.notify(0x05);
        },
    };
    console.log(JSON.stringify({ port }));
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const { do: what, node, ...rest } = JSON.parse(line);
        const answer = await commands[what](locks[node], rest);
        console.log(JSON.stringify(answer ?? null));
    }
    process.exit(0);
}

void main();
