package cairn.server.image;

import java.time.Instant;

/** When something went into the recycle bin, and when it goes for good. */
public record Recycled(Instant enteredAt, Instant exitsAt) {}
