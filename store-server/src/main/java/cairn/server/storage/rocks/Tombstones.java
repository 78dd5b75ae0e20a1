package cairn.server.storage.rocks;

import java.util.ArrayList;
import java.util.List;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/** What is dead of a family, gathered as runs of ordinals between those that live. */
final class Tombstones {
    private final List<Ordinals> runs = new ArrayList<>();
    private boolean isInRun;

    /** Takes the next item of the family, in ascending order. */
    void see(long ordinal, boolean isLive) {
        if (isLive) {
            isInRun = false;
        } else if (isInRun) {
            runs.set(runs.size() - 1, new Ordinals(runs.get(runs.size() - 1).first(), ordinal));
        } else {
            runs.add(new Ordinals(ordinal, ordinal));
            isInRun = true;
        }
    }

    boolean isEmpty() {
        return runs.isEmpty();
    }

    void write(WriteBatch batch, ColumnFamilyHandle family) throws RocksDBException {
        for (Ordinals run : runs) {
            batch.deleteRange(family, run.fromKey(), run.untilKey());
        }
    }
}
