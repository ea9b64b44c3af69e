"""Why a call is denied."""
