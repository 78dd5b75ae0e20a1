package cairn.server.gc;

import cairn.server.storage.SegmentStore.Extent;
import cairn.tree.PageId;
import java.util.List;
import java.util.Optional;

/** Why something takes space. */
public sealed interface Explanation {

    /**
     * Of an image, a snapshot, a volume or an account.
     *
     * @param holders those concerned: it, the images that name a snapshot, or all that an account has
     * @param logicalBytes the sizes of its disks
     * @param held what it holds, and what would come back if it went, and nothing else did
     * @param sharers those that share the most with it, of those that the asker may be told of
     * @param isOpen whether somebody reads one of its trees just now, who would keep it until then
     */
    record OfHolder(List<Holder> holders, long logicalBytes, Held held, List<Sharer> sharers, boolean isOpen)
            implements Explanation {}

    /**
     * @param sharedChunks how much of its data are chunks that the other has too; one that comes twice counted twice
     */
    record Sharer(Holder holder, long sharedChunks) {}

    /**
     * Of a chunk.
     *
     * @param copies one for each that lies on the disk: accounts that do not know of each other may have one each
     * @param keepers what keeps it, of what the asker may be told of; the first of many
     * @param keeperCount how many there are
     * @param isOpen whether somebody reads a tree with it just now
     */
    record OfChunk(List<Copy> copies, List<Keeper> keepers, int keeperCount, boolean isOpen) implements Explanation {}

    /**
     * @param extent in which it lies; empty while that is being written
     * @param isKept whether anything keeps it
     */
    record Copy(long ordinal, Optional<Extent> extent, boolean isKept) {}

    /**
     * @param tree its id; that of the holder if it is in no tree yet
     * @param path from the top page to that of level 0; empty if it is in no tree yet
     * @param chunkIndex of the first place where it is in that tree
     * @param occurrences in how many places it is
     */
    record Keeper(Holder holder, String tree, List<PageId> path, long chunkIndex, long occurrences) {}
}
