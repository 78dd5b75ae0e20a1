package cairn.server.ebs;

import cairn.chunk.Chunk;
import cairn.chunk.ChunkId;
import cairn.server.storage.PendingBlocks;
import cairn.tree.PageSource;
import cairn.tree.TreeDiff;
import cairn.tree.TreeReader;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The blocks in which two disks differ, so many at a time: it costs what they differ by.
 *
 * @param next the first block that was not looked at; empty at the end
 */
record ChangedBlocks(List<Changed> blocks, Optional<Integer> next) {
    private static final int CHUNKS = PendingBlocks.CHUNKS_OF_BLOCK;

    /** A block that differs. A disk has it unless it is zeros there. */
    record Changed(int blockIndex, boolean isInFirst, boolean isInSecond) {}

    static ChangedBlocks find(TreeRoot first, TreeRoot second, PageSource pages, int fromBlock, int blocksMax) {
        Finder finder = new Finder(blocksMax);
        TreeDiff.visit(first, second, pages, (long) fromBlock * CHUNKS, finder);
        return new ChangedBlocks(
                finder.found.stream().map(each -> completed(each, first, second, pages)).toList(), finder.next);
    }

    /** A chunk that does not differ may be all that a block has. */
    private static Changed completed(Changed seen, TreeRoot first, TreeRoot second, PageSource pages) {
        return new Changed(
                seen.blockIndex,
                seen.isInFirst || hasBlock(first, pages, seen.blockIndex),
                seen.isInSecond || hasBlock(second, pages, seen.blockIndex));
    }

    private static boolean hasBlock(TreeRoot root, PageSource pages, int blockIndex) {
        return chunksOf(root, pages, blockIndex).stream().anyMatch(id -> !id.isAbsent());
    }

    /** A block's chunks; absent behind the disk's end. */
    static List<ChunkId> chunksOf(TreeRoot root, PageSource pages, int blockIndex) {
        TreeReader tree = new TreeReader(root, pages);
        List<ChunkId> chunks = new ArrayList<>(CHUNKS);
        for (long chunk = (long) blockIndex * CHUNKS; chunk < (blockIndex + 1L) * CHUNKS; chunk++) {
            chunks.add(chunk < Chunk.count(root.sizeBytes()) ? tree.chunkAt(chunk) : ChunkId.ABSENT);
        }
        return chunks;
    }

    /** How many blocks a disk has, the last perhaps in part. */
    static int count(TreeRoot root) {
        return Math.toIntExact((Chunk.count(root.sizeBytes()) + CHUNKS - 1) / CHUNKS);
    }

    private static final class Finder implements TreeDiff.BoundedVisitor {
        private final int blocksMax;
        private final List<Changed> found = new ArrayList<>();
        private Optional<Integer> next = Optional.empty();

        Finder(int blocksMax) {
            this.blocksMax = blocksMax;
        }

        @Override
        public boolean enter(long chunkIndex) {
            return true;
        }

        @Override
        public boolean visit(long chunkIndex, ChunkId first, ChunkId second) {
            int block = Math.toIntExact(chunkIndex / CHUNKS);
            int last = found.size() - 1;
            boolean isSame = last >= 0 && found.get(last).blockIndex == block;
            if (!isSame && found.size() == blocksMax) {
                next = Optional.of(block);
                return false;
            }
            Changed before = isSame ? found.remove(last) : new Changed(block, false, false);
            found.add(new Changed(
                    block, before.isInFirst || !first.isAbsent(), before.isInSecond || !second.isAbsent()));
            return true;
        }
    }
}
