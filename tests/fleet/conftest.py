from ..commands.conftest import installed as installed
from ..commands.conftest import yard as yard
