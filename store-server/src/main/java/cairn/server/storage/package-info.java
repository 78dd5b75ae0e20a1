/**
 * What a store keeps, without saying where: items (chunks and pages) in segments, the index that finds them, and
 * the catalog of small records.
 *
 * <p>Start at {@link cairn.server.storage.ChunkStore}, which joins a {@link cairn.server.storage.ChunkIndex} and a
 * {@link cairn.server.storage.SegmentStore}. Always true: data becomes durable before an index row names it, index
 * rows before a catalog record refers to them; a crash can leave data that nothing names, never a name without
 * data. A page in the index has everything below it there, at the ordinals that are written down beside it. What was
 * put or found under a {@link cairn.server.storage.Lease} stays until that ends, what a record names as long as there
 * is the record, and what is read as long as it is among the {@link cairn.server.storage.OpenTrees}.
 */
package cairn.server.storage;
