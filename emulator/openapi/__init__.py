"""OpenAPI 2.0 and 3.0 with API Gateway's extensions: import into an API, export of a stage."""

from emulator.openapi.exporting import export_document
from emulator.openapi.importing import import_document

__all__ = ["export_document", "import_document"]
