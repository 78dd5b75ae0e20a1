package cairn.server.gc;

/**
 * What a group of trees holds.
 *
 * @param dataChunks one that comes twice counted twice
 * @param exclusiveChunks that no other group has, each once
 * @param exclusivePages likewise
 * @param exclusiveStoredBytes of these chunks and pages, on the disk: of each the same share of what the extent takes
 *     in which it lies as of all others that lie there
 */
public record Held(long dataChunks, long exclusiveChunks, long exclusivePages, long exclusiveStoredBytes) {}
