package cairn.server.storage.rocks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.Catalog.Change.PutIfAbsent;
import cairn.server.storage.ChunkIndex.Row;
import cairn.server.storage.DomainId;
import cairn.server.storage.Items;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Numbered uploads as a server makes them, known in advance: segment, then index rows, then one record. */
final class Batches {
    private static final int ITEMS_MAX = 100_000;

    private Batches() {}

    /** Every third batch is large enough for a file of its own. */
    private static int items(long batch) {
        return batch % 3 == 1 ? 80 : 3;
    }

    static long item(long batch, int n) {
        return batch * ITEMS_MAX + n;
    }

    static int lengthBytes(long item) {
        return 15_000 + (int) (item * 31 % 10_000);
    }

    static List<Row> append(SegmentStore segments, long batch) {
        List<Row> rows = new ArrayList<>();
        for (int n = 0; n < items(batch); n++) {
            long item = item(batch, n);
            long ordinal = segments.append(Items.key(item), Items.packed(item, lengthBytes(item)), 0, lengthBytes(item));
            rows.add(new Row(DomainId.PUBLIC, Items.key(item), ordinal));
        }
        return rows;
    }

    static void store(Storage storage, long batch) {
        List<Row> rows = append(storage.segments(), batch);
        storage.segments().seal();
        storage.index().putAll(rows);
        commit(storage, batch);
    }

    static void commit(Storage storage, long batch) {
        storage.catalog().commit(List.of(new PutIfAbsent("batch/" + batch, new byte[] {1})));
    }

    /** All of an acknowledged batch is there. */
    static void assertWhole(Storage storage, long batch) {
        assertTrue(storage.catalog().find("batch/" + batch).isPresent(), "record of batch " + batch);
        assertEquals(items(batch), assertNoRowWithoutData(storage, batch), "rows of batch " + batch);
    }

    /** What the index names can be read. @return how many rows there are */
    static int assertNoRowWithoutData(Storage storage, long batch) {
        int rows = 0;
        for (int n = 0; n < items(batch); n++) {
            long item = item(batch, n);
            OptionalLong ordinal = storage.index().find(DomainId.PUBLIC, Items.key(item));
            if (ordinal.isPresent()) {
                rows++;
                assertArrayEquals(Items.packed(item, lengthBytes(item)),
                        storage.segments().read(ordinal.getAsLong(), Items.key(item)));
            }
        }
        return rows;
    }
}
