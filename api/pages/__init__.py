"""The pages: plain forms that work without script; script makes screening quick."""
