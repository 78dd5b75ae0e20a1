package cairn.server.gc;

import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.server.storage.DomainId;
import java.util.List;

/** Sees the blocks of snapshots that are being written, which are in no tree yet. */
@FunctionalInterface
public interface PendingChunks {
    /**
     * @param snapshot that is being written
     * @param account whose it is
     * @param domain where the chunks are found
     * @param chunks of one block in order, {@linkplain ChunkId#ABSENT absent} ones too
     */
    void visit(String snapshot, AccountId account, DomainId domain, List<ChunkId> chunks);
}
