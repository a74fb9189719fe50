"""The custom operations of upstreams, replaced by ours."""
