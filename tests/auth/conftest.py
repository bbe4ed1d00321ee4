from tests.tenants.conftest import ana as ana
from tests.tenants.conftest import application as application
from tests.tenants.conftest import enrol as enrol
from tests.tenants.conftest import env as env
from tests.tenants.conftest import staff as staff
