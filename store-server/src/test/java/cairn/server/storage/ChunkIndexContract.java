package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.ChunkIndex.Row;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What holds for any {@link ChunkIndex}. */
abstract class ChunkIndexContract extends StorageContract {
    private static final DomainId OTHER = new DomainId(-7);

    ChunkIndex index;

    @BeforeEach
    void index() {
        index = storage.index();
    }

    @Test
    void findsWhatWasPut() {
        index.putAll(LongStream.range(0, 1000).mapToObj(n -> new Row(DomainId.PUBLIC, Items.key(n), 1L << 62 | n)).toList());

        for (long n = 0; n < 1000; n++) {
            assertEquals(OptionalLong.of(1L << 62 | n), index.find(DomainId.PUBLIC, Items.key(n)));
        }
        assertEquals(OptionalLong.empty(), index.find(DomainId.PUBLIC, Items.key(1000)));
    }

    @Test
    void keepsDomainsApart() {
        index.putAll(List.of(new Row(DomainId.PUBLIC, Items.key(1), 10), new Row(OTHER, Items.key(2), 20)));

        assertEquals(OptionalLong.empty(), index.find(OTHER, Items.key(1)));
        assertEquals(OptionalLong.empty(), index.find(DomainId.PUBLIC, Items.key(2)));
        assertEquals(OptionalLong.of(20), index.find(OTHER, Items.key(2)));
    }

    @Test
    void keepsKindsApart() {
        ItemKey chunk = new ItemKey(ItemKey.CHUNK_KIND, Items.key(1).digest());
        ItemKey page = new ItemKey(ItemKey.KIND_MAX, Items.key(1).digest());

        index.putAll(List.of(new Row(DomainId.PUBLIC, page, 10)));

        assertEquals(OptionalLong.of(10), index.find(DomainId.PUBLIC, page));
        assertEquals(OptionalLong.empty(), index.find(DomainId.PUBLIC, chunk));
    }

    @Test
    void replacesARow() {
        index.putAll(List.of(new Row(DomainId.PUBLIC, Items.key(1), 10)));
        index.putAll(List.of(new Row(DomainId.PUBLIC, Items.key(1), 11)));

        assertEquals(OptionalLong.of(11), index.find(DomainId.PUBLIC, Items.key(1)));
    }

    @Test
    void isHarmlessWhenRepeatedOrGivenNothing() {
        List<Row> rows = List.of(new Row(DomainId.PUBLIC, Items.key(1), 10));

        index.putAll(rows);
        index.putAll(List.of());
        index.putAll(rows);

        assertEquals(OptionalLong.of(10), index.find(DomainId.PUBLIC, Items.key(1)));
    }

    @Test
    void countsRowsAndBytes() {
        assertEquals(0, index.count(0));
        assertEquals(0, index.storedBytes());

        index.putAll(LongStream.range(0, 1000).mapToObj(n -> new Row(DomainId.PUBLIC, of(0, n), n)).toList());
        index.putAll(List.of(new Row(OTHER, of(0, 1), 5), new Row(DomainId.PUBLIC, of(0, 1), 6), new Row(OTHER, of(1, 1), 7)));

        assertEquals(1001, index.count(0));
        assertEquals(1, index.count(1));
        assertEquals(0, index.count(2));
        assertTrue(index.storedBytes() >= 45_000, index.storedBytes() + " bytes");
    }

    private static ItemKey of(int kind, long number) {
        return new ItemKey(kind, Items.key(number).digest());
    }
}
