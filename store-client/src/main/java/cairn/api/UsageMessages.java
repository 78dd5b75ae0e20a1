package cairn.api;

import java.util.List;

/** The JSON messages that say what takes the space. Ids and digests are text, sizes count bytes. */
public final class UsageMessages {
    private UsageMessages() {}

    /**
     * What the whole store keeps, by its trees.
     *
     * @param keptChunks how many different chunks something keeps
     * @param keptBytes plain bytes of these
     * @param segmentBytes on disk, of all that is sealed
     * @param reclaimableBytes the share in that of what nothing keeps any more: what comes back when garbage is
     *     collected
     * @param unfinishedBytes the share of what nothing keeps yet, and uploads that are not finished may
     * @param tookMillis how long it took to find out; the answer is kept until anything changes
     * @param pageReads small records that were read for it
     * @param heldBytes of the server's heap, about, while it was found out
     */
    public record StoreUsage(
            long keptChunks,
            long keptBytes,
            long segmentBytes,
            long reclaimableBytes,
            long unfinishedBytes,
            long tookMillis,
            long pageReads,
            long heldBytes) {}

    /**
     * What one image, snapshot without an image, volume, unfinished snapshot or account holds, and it alone holds.
     *
     * @param kind {@code image}, {@code snapshot}, {@code volume}, {@code upload} or {@code account}
     * @param name perhaps empty
     * @param account whose it is; absent for an account
     * @param region likewise
     * @param logicalBytes the sizes of its disks
     * @param dataBytes plain bytes of the chunks on them, one that comes twice counted twice
     * @param exclusiveChunks that nothing else keeps, each once
     * @param exclusiveBytes plain bytes of these
     * @param exclusiveStoredBytes what they and their pages take on the disk, of each the same share of what lies
     *     together
     * @param stays what keeps it although it is removed, or would
     */
    public record Usage(
            String id,
            String kind,
            String name,
            String account,
            String region,
            long logicalBytes,
            long dataBytes,
            long exclusiveChunks,
            long exclusiveBytes,
            long exclusiveStoredBytes,
            List<Stay> stays) {}

    /** @param why {@code recycle bin} or {@code lock} @param id of the image, snapshot or volume that stays */
    public record Stay(String why, String id, String until) {}

    /** Those first that alone take the most. @param next the offset to go on from; absent at the end */
    public record UsageList(List<Usage> items, Long next) {}

    /**
     * Why something takes space: what would come back if it went, and nothing else did.
     *
     * @param kind as {@link Usage#kind}
     * @param images that name it, of a snapshot; else empty
     * @param isOpen whether somebody reads it just now, and so keeps it a while longer; absent for all but root
     * @param sharedWith those that share the most with it, of those that the asker may see; what is shared with others
     *     does not come back either
     */
    public record Explanation(
            String id,
            String kind,
            String name,
            long logicalBytes,
            long dataBytes,
            long exclusiveChunks,
            long exclusiveBytes,
            long exclusiveStoredBytes,
            List<String> images,
            List<Stay> stays,
            Boolean isOpen,
            List<Sharer> sharedWith) {}

    /** @param sharedBytes how much of its data are chunks that the other has too; one that comes twice counted twice */
    public record Sharer(String id, String kind, String name, String account, long sharedBytes) {}

    /**
     * Why a chunk is there.
     *
     * @param copies one for each that lies on the disk: accounts that do not know of each other may have one each;
     *     absent for all but root
     * @param keptBy what keeps it, of what the asker may see; the first of many
     * @param keeperCount how many there are
     * @param isOpen as {@link Explanation#isOpen}
     */
    public record ChunkExplanation(
            String id, List<Copy> copies, List<Keeper> keptBy, int keeperCount, Boolean isOpen) {}

    /**
     * @param ordinal {@code SEGMENT/SLOT}
     * @param state {@code kept}; {@code unreferenced} if nothing keeps it: then it is condemned by the next cycle of
     *     the garbage collection, and gone after the one behind that
     * @param form {@code written}, {@code settled}, or {@code open} while its segment is still being written
     * @param extent which ordinals lie together with it; absent if open
     * @param extentItems how many do; likewise
     * @param extentBytes what they take on the disk; likewise
     */
    public record Copy(String ordinal, String state, String form, String extent, Long extentItems, Long extentBytes) {}

    /**
     * @param id of what would have to go
     * @param tree the snapshot or volume whose tree has the chunk
     * @param path the pages to it, from the top; empty for a block that is in no tree yet
     * @param chunkIndex of the first place where it is; absent for such a block
     * @param offset that place in bytes; likewise
     * @param occurrences in how many places it is
     */
    public record Keeper(
            String id,
            String kind,
            String name,
            String account,
            String region,
            String tree,
            List<String> path,
            Long chunkIndex,
            Long offset,
            long occurrences) {}
}
