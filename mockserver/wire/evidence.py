"""How well a behaviour of the mock is known, said with every rule and every answer."""

from typing import Literal

Evidence = Literal["documented", "inferred", "invented"]
"""*documented*: a public page of the provider says so. *inferred*: drawn from such pages, from the
provider's own programs, or from a sibling API. *invented*: this mock's own choice."""
