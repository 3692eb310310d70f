"""Keys: what is known of each rule and entity, and the hits that wait for the watermark."""
