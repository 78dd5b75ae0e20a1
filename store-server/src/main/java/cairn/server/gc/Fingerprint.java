package cairn.server.gc;

import cairn.chunk.ChunkId;
import cairn.image.AccountId;
import cairn.server.storage.DomainId;
import java.util.List;

/** A number that changes, in all likelihood, with the roots of a store. */
final class Fingerprint {
    private static final long FACTOR = 0x9e3779b97f4a7c15L;

    private long value;

    void add(Root root) {
        mix(root.id().hashCode());
        mix(root.tree().hashCode());
        mix(root.domain().number());
    }

    void add(String snapshot, AccountId account, DomainId domain, List<ChunkId> chunks) {
        mix(snapshot.hashCode());
        mix(chunks.hashCode());
    }

    private void mix(long more) {
        long mixed = (value ^ more) * FACTOR;
        value = mixed ^ mixed >>> 29;
    }

    long value() {
        return value;
    }
}
