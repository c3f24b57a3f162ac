// Judges checkpoints and proofs with what the Go team wrote for Go's checksum database:
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog.
//
// Reads a JSON list of items, writes a JSON list with one answer each: empty where it
// accepts, else why not. Bytes are in base64, as encoding/json has them.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type item struct {
	Vkey       string
	Checkpoint []byte
	// An inclusion proof that leads to a checkpoint of its own (C2SP tlog-proof), and
	// the data of the leaf, or, where that is not known, its hash.
	Proof    []byte
	Leaf     []byte
	LeafHash []byte
	// An older checkpoint, and the proof that the newer one only adds to it.
	Old    []byte
	Growth [][]byte
}

type head struct {
	size int64
	root tlog.Hash
}

func hash(data []byte) (tlog.Hash, error) {
	var made tlog.Hash
	if len(data) != tlog.HashSize {
		return made, errors.New("not a hash")
	}
	copy(made[:], data)
	return made, nil
}

// open checks the signature on a checkpoint and reads its three lines.
func open(vkey string, text []byte) (head, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return head{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return head{}, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return head{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return head{size, root}, err
}

func checkInclusion(one item) error {
	before, after, found := bytes.Cut(one.Proof, []byte("\n\n"))
	lines := strings.Split(string(before), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		data, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil {
			return err
		}
		node, err := hash(data)
		if err != nil {
			return err
		}
		path = append(path, node)
	}
	tree, err := open(one.Vkey, after)
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash(one.Leaf)
	if one.LeafHash != nil {
		if leaf, err = hash(one.LeafHash); err != nil {
			return err
		}
	}
	return tlog.CheckRecord(path, tree.size, tree.root, index, leaf)
}

func checkGrowth(one item, newer head) error {
	older, err := open(one.Vkey, one.Old)
	if err != nil {
		return err
	}
	var path tlog.TreeProof
	for _, data := range one.Growth {
		node, err := hash(data)
		if err != nil {
			return err
		}
		path = append(path, node)
	}
	return tlog.CheckTree(path, newer.size, newer.root, older.size, older.root)
}

func check(one item) error {
	if one.Proof != nil {
		return checkInclusion(one)
	}
	newer, err := open(one.Vkey, one.Checkpoint)
	if err == nil && one.Old != nil {
		err = checkGrowth(one, newer)
	}
	return err
}

func main() {
	var items []item
	if err := json.NewDecoder(os.Stdin).Decode(&items); err != nil {
		panic(err)
	}
	answers := make([]string, len(items))
	for i, one := range items {
		if err := check(one); err != nil {
			answers[i] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
