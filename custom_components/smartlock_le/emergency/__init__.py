"""When it matters: distress, incidents, and the channels by which others hear of them."""
