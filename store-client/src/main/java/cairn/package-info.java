/**
 * The words that everything in Cairn uses, and how failures are told.
 *
 * <p>One word, one meaning:
 * <ul>
 *   <li><b>Sector</b>: 512 bytes, the unit in which disks are sized.
 *   <li><b>Chunk</b>: 64 KiB of a disk at a 64 KiB-aligned offset, the unit that is kept once. A disk's last
 *       chunk is filled up with zeros. Named by a {@link cairn.chunk.ChunkId}. A chunk of zeros is
 *       <i>absent</i>: it is named by 32 zero bytes and stored nowhere.
 *   <li><b>Packed chunk</b>: a chunk as it is sent and stored: a header and the bytes, perhaps compressed.
 *   <li><b>Page</b>: 256 ids, of chunks (level 0) or of pages one level below. Named by a
 *       {@link cairn.tree.PageId}.
 *   <li><b>Item</b>: what a store keeps under a digest: a chunk or a page.
 *   <li><b>Tree</b>: all pages of a disk. Its {@link cairn.tree.RootDigest} names the disk's content.
 *   <li><b>Block</b>: the 512 KiB that EBS addresses by index; eight chunks.
 *   <li><b>Snapshot</b> ({@code snap-...}): a tree with an owner and a date; a disk at one moment.
 *   <li><b>Image</b> ({@code ami-...}): what a machine boots from; an immutable, signed manifest that names
 *       snapshots.
 *   <li><b>Volume</b> ({@code vol-...}): a tree seen as a disk, and what was written to it since, in blocks of 4 KiB.
 *   <li><b>Instance</b> ({@code i-...}): a machine that was launched from an image, and the volumes made for it.
 *   <li><b>Layer</b>: the blocks written to a volume between two snapshots of it.
 *   <li><b>Segment</b>: items kept together in one file, in the order in which they arrived.
 *   <li><b>Ordinal</b>: an item's place, (segment, slot), as one ascending number.
 *   <li><b>Dedup domain</b>: the items that one account may be told it already has.
 *   <li><b>Upload</b>: a disk on its way in, until it is sealed as a snapshot.
 *   <li><b>Lease</b>: the time for which an unfinished upload keeps what it has stored.
 *   <li><b>Ticket</b>: the right to open one export over NBD until a given time.
 *   <li><b>Door</b>: one protocol in which the server is spoken to.
 * </ul>
 * Of verbs: {@code find} may find nothing, {@code read} succeeds or throws, {@code put} is harmless when repeated,
 * {@code seal} ends change.
 */
package cairn;
