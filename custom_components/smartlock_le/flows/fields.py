"""Fields that stand in several forms."""

from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

TEXT_FIELD = TextSelector()
SECRET_FIELD = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
"""What is entered in it is not seen."""
