"""The directory of agencies, for who clicks: look up, enter, call back, import, export."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.components.http.auth import async_sign_path
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    CountrySelector,
    FileSelector,
    FileSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .. import actors
from ..const import DOMAIN
from ..log import LogUnavailable
from ..notices import common_text
from ..requests import lookalike
from ..requests.agencies import CallBack, Imported
from ..requests.agency_csv import MAX_BYTES
from ..requests.models import FIELDS, Agency, AgencyType, RequestError, Standing
from ..web.agencies import URL
from .code_options import as_text
from .fields import TEXT_FIELD
from .import_options import ImportOptions
from .steady import steady, tried

_MOST_SHOWN = 50
"""Agencies in a list, and rejected rows."""
_SIGNED = timedelta(minutes=5)
_TYPE = SelectSelector(
    SelectSelectorConfig(
        options=[one.value for one in AgencyType],
        translation_key="agency_type",
        mode=SelectSelectorMode.DROPDOWN,
    )
)
_AGENCY = vol.Schema(
    {
        vol.Required("name"): TEXT_FIELD,
        vol.Required("type", default=AgencyType.LOCAL.value): _TYPE,
        vol.Optional("country"): CountrySelector(),
        **{
            vol.Optional(name): TEXT_FIELD
            for name in FIELDS
            if name not in ("name", "type", "country")
        },
    }
)
_CALL_BACK = vol.Schema(
    {
        vol.Required("number"): TEXT_FIELD,
        vol.Required("source"): TEXT_FIELD,
        **{
            vol.Required(name, default=False): BooleanSelector()
            for name in ("independent", "called", "confirmed")
        },
    }
)
_FILE = vol.Schema(
    {vol.Required("file"): FileSelector(FileSelectorConfig(accept=".csv,text/csv"))}
)


class AgencyOptions(ImportOptions):
    """The part of the menu that is about agencies."""

    _agency: Agency
    _agencies_found: list[Agency]

    @steady
    async def async_step_agencies(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu of the directory."""
        count = await self._home.agencies.count()
        return self.async_show_menu(
            step_id="agencies",
            menu_options=[
                *(("find_agency",) if count else ()),
                *("add_agency", "import_agencies"),
                *(("export_agencies",) if count else ()),
                "local_contact",
            ],
            description_placeholders={"count": str(count)},
        )

    # One agency

    @steady
    async def async_step_find_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a part of its name, id, place or domain."""
        errors: dict[str, str] = {}
        if user_input is not None:
            search = str(user_input.get("search", ""))
            self._agencies_found = await self._home.agencies.find(search, _MOST_SHOWN)
            if self._agencies_found:
                return await self.async_step_pick_agency(None)
            errors["search"] = "agency_not_found"
        return self.async_show_form(
            step_id="find_agency",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema({vol.Optional("search"): TEXT_FIELD}), user_input or {}
            ),
            errors=errors,
        )

    @steady
    async def async_step_pick_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which of those that were found."""
        if user_input is not None:
            self._agency = await self._home.agencies.get(user_input["agency"])
            return await self.async_step_agency(None)
        options = await self._agency_choices(self._agencies_found)
        return self.async_show_form(
            step_id="pick_agency",
            data_schema=vol.Schema(
                {
                    vol.Required("agency"): SelectSelector(
                        SelectSelectorConfig(options=options)
                    )
                }
            ),
        )

    async def _agency_choices(self, found: list[Agency]) -> list[SelectOptionDict]:
        """Return agencies to choose from; how each stands, for two may have one name."""
        words = {one: await common_text(self.hass, f"agency_{one}") for one in Standing}
        return [
            SelectOptionDict(
                value=one.id,
                # First: a name may be long, and say anything.
                label=f"{words[one.standing].partition('.')[0]}: {_named(one)}",
            )
            for one in found
        ]

    @steady
    async def async_step_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show an agency, and what is wrong with it."""
        return self.async_show_menu(
            step_id="agency",
            menu_options=[
                *("verify_agency", "request_of_agency"),
                *("change_agency", "agency_server"),
                *(("agency_server_off",) if self._told_there() else ()),
                "remove_agency",
            ],
            description_placeholders={"about": await self._about(self._agency)},
        )

    def _told_there(self) -> bool:
        """Tell whether there is a server where it is told of incidents."""
        return self._agency.id in self._home.following.servers

    async def _about(self, agency: Agency) -> str:
        """Return all that is known of an agency, as Markdown."""
        said = agency.facts
        labels = await self._labels()
        types = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        kind = types[f"component.{DOMAIN}.selector.agency_type.options.{said.type}"]
        lines = [
            f"- {labels[name]}: {as_text(value)}"
            for name in FIELDS
            if name != "name"
            and (value := kind if name == "type" else getattr(said, name))
        ]
        standing = await common_text(self.hass, f"agency_{agency.standing}")
        called = dt_util.as_local(agency.called) if agency.called else None
        told = standing.format(
            date=f"{called:%Y-%m-%d}" if called else "",
            number=as_text(agency.number),
            source=as_text(agency.source),
            fields=", ".join(labels[name] for name in agency.changed) or "…",
        )
        flags = []
        if alike := await self._home.agencies.lookalikes(agency):
            text = await common_text(self.hass, "agency_lookalike")
            names = ", ".join(map(as_text, alike[:5]))
            flags.append(text.format(names=names))
        if lookalike.foreign(said.email_domain):
            flags.append(await common_text(self.hass, "agency_foreign"))
        return "\n".join(
            [
                f"**{as_text(said.name)}**",
                "",
                told,
                "",
                *(f"**{flag}**\n" for flag in flags),
                *lines,
            ]
        )

    async def _labels(self) -> dict[str, str]:
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "options", {DOMAIN}
        )
        prefix = f"component.{DOMAIN}.options.step.add_agency.data"
        return {name: texts[f"{prefix}.{name}"] for name in FIELDS}

    @steady
    async def async_step_add_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Enter an agency."""
        errors: dict[str, str] = {}
        if user_input is not None:
            agencies, actor = self._home.agencies, actors.from_request()
            errors, agency = await tried(agencies.add(user_input, actor))
            if agency:
                self._agency = agency
                return await self.async_step_agency(None)
        return self.async_show_form(
            step_id="add_agency",
            data_schema=self.add_suggested_values_to_schema(_AGENCY, user_input or {}),
            errors=errors,
        )

    @steady
    async def async_step_change_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say something else of it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            changing = self._home.agencies.change(
                self._agency, user_input, actors.from_request()
            )
            errors, agency = await tried(changing)
            if agency:
                self._agency = agency
                return await self.async_step_agency(None)
        now = {name: getattr(self._agency.facts, name) for name in FIELDS}
        shown = {name: str(value) for name, value in now.items() if value}
        return self.async_show_form(
            step_id="change_agency",
            data_schema=self.add_suggested_values_to_schema(
                _AGENCY, user_input or shown
            ),
            errors=errors,
        )

    @steady
    async def async_step_verify_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Go through the list of a call back."""
        errors: dict[str, str] = {}
        if user_input is not None:
            verifying = self._home.agencies.verify(
                self._agency.id,
                self._agency.facts.digest,
                CallBack(**user_input),
                actors.from_request(),
            )
            errors, agency = await tried(verifying)
            if agency:
                self._agency = agency
                return await self.async_step_agency(None)
        return self.async_show_form(
            step_id="verify_agency",
            data_schema=self.add_suggested_values_to_schema(
                _CALL_BACK, user_input or {}
            ),
            description_placeholders={"about": await self._about(self._agency)},
            errors=errors,
        )

    @steady
    async def async_step_remove_agency(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Forget it, if the owner is sure."""
        errors: dict[str, str] = {}
        if user_input is not None:
            actor = actors.from_request()
            if self._told_there():
                # Its address and secret go with it.
                following = self._home.following
                errors, _ = await tried(following.remove_server(self._agency, actor))
            if not errors:
                await self._home.agencies.remove(self._agency.id, actor)
                return self.async_abort(reason="agency_removed")
        return self.async_show_form(
            step_id="remove_agency",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders={"name": as_text(self._agency.facts.name)},
        )

    # All of them

    @steady
    async def async_step_import_agencies(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take a list."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                data = await self.hass.async_add_executor_job(
                    self._uploaded, user_input["file"]
                )
                done = await self._home.agencies.take_csv(data, actors.from_request())
            except OSError, ValueError:
                errors["file"] = "csv_gone"
            except RequestError as err:
                errors["file"] = err.key
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(
                    reason="agencies_imported",
                    description_placeholders={
                        "added": str(done.added),
                        "changed": str(done.changed),
                        "same": str(done.same),
                        "count": str(len(done.rejected)),
                        "rejected": await self._rejected(done),
                    },
                )
        return self.async_show_form(
            step_id="import_agencies",
            data_schema=_FILE,
            errors=errors,
            description_placeholders={"columns": ", ".join(FIELDS)},
        )

    def _uploaded(self, file_id: str) -> bytes:
        path: Path
        with process_uploaded_file(self.hass, file_id) as path, path.open("rb") as file:
            # One more than may be: that is how it is seen to be too long.
            return file.read(MAX_BYTES + 1)

    async def _rejected(self, done: Imported) -> str:
        labels = {"": "", **await self._labels()}
        lines = []
        for row in done.rejected[:_MOST_SHOWN]:
            where = ", ".join(filter(None, (str(row.line), labels[row.field])))
            lines.append(f"- {where}: {await self._text(row.key)}")
        if len(done.rejected) > _MOST_SHOWN:
            lines.append("- …")
        return "\n".join(lines)

    @steady
    async def async_step_export_agencies(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give a link, which is good for some minutes."""
        if user_input is not None:
            return await self.async_step_agencies(None)
        return self.async_show_form(
            step_id="export_agencies",
            data_schema=vol.Schema({}),
            description_placeholders={"link": async_sign_path(self.hass, URL, _SIGNED)},
        )


def _named(agency: Agency) -> str:
    facts = agency.facts
    return ", ".join(filter(None, (facts.name, facts.jurisdiction, facts.country)))
