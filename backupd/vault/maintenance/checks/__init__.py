"""What a check looks at, in this order: objects, packs, the packs' contents, streams, the items' contents."""
