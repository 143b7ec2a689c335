"""Long jobs as processes of their own: checking, starting, finding, following, stopping them."""
