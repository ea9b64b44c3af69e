"""OpenAPI 2.0 and 3.0 with API Gateway's extensions: import into an API, export of a stage."""

from local.apigateway.openapi.exporting import export_document
from local.apigateway.openapi.importing import import_document

__all__ = ["export_document", "import_document"]
