package cairn.server.storage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.server.storage.ChunkIndex.Children;
import cairn.server.storage.ChunkIndex.Row;
import cairn.tree.Page;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
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

    @Test
    void keepsWhereChildrenLieBesideTheRowsOfTheirPages() {
        PageChildren first = children(7, 1L << 40, 3);
        PageChildren second = children(9);
        index.putAll(List.of(new Row(OTHER, of(1, 1), 100)), List.of(new Children(100, first), new Children(101, second)));

        assertEquals(Optional.of(first), index.children(100));
        assertEquals(Optional.of(second), index.children(101));
        assertEquals(Optional.empty(), index.children(102));
        assertEquals(OptionalLong.of(100), index.find(OTHER, of(1, 1)));

        index.putAll(List.of(), List.of(new Children(100, second)));
        index.removeAll(List.of(), List.of(101L, 102L));
        assertEquals(Optional.of(second), index.children(100));
        assertEquals(Optional.empty(), index.children(101));
    }

    @Test
    void removesRowsThatStillHaveTheOrdinal() {
        Row gone = new Row(DomainId.PUBLIC, of(0, 1), 10);
        Row moved = new Row(DomainId.PUBLIC, of(0, 2), 20);
        Row page = new Row(OTHER, of(1, 1), 30);
        index.putAll(List.of(gone, moved, page));
        index.putAll(List.of(new Row(DomainId.PUBLIC, of(0, 2), 21)));

        assertEquals(2, index.removeAll(List.of(gone, gone, moved, page, new Row(OTHER, of(0, 9), 1))));
        assertEquals(0, index.removeAll(List.of(gone, page)));

        assertEquals(OptionalLong.empty(), index.find(DomainId.PUBLIC, of(0, 1)));
        assertEquals(OptionalLong.of(21), index.find(DomainId.PUBLIC, of(0, 2)));
        assertEquals(1, index.count(0));
        assertEquals(0, index.count(1));
    }

    @Test
    void visitsTheRowsOfAKindInAllDomains() {
        Set<Row> chunks = new HashSet<>();
        Set<Row> pages = new HashSet<>();
        for (int domain : new int[] {0, 1, 2, 5, Integer.MAX_VALUE, Integer.MIN_VALUE, -7}) {
            for (long n = 0; n < 10; n++) {
                chunks.add(new Row(new DomainId(domain), of(0, n), n));
                if (domain != 2) {
                    pages.add(new Row(new DomainId(domain), of(2, n), n << 24));
                }
            }
        }
        chunks.add(new Row(new DomainId(3), of(0, 1), 1));
        pages.add(new Row(new DomainId(4), of(2, 1), 1));
        index.putAll(List.copyOf(chunks));
        index.putAll(List.copyOf(pages));

        assertEquals(chunks, visited(0));
        assertEquals(Set.of(), visited(1));
        assertEquals(pages, visited(2));
        assertEquals(Set.of(), visited(ItemKey.KIND_MAX));
    }

    private Set<Row> visited(int kind) {
        Set<Row> visited = new HashSet<>();
        index.forEach(kind, row -> assertTrue(visited.add(row), row + " comes twice"));
        return visited;
    }

    private static PageChildren children(long... first) {
        long[] all = new long[Page.CHILDREN];
        Arrays.fill(all, PageChildren.ABSENT);
        System.arraycopy(first, 0, all, 0, first.length);
        return new PageChildren(all);
    }

    private static ItemKey of(int kind, long number) {
        return new ItemKey(kind, Items.key(number).digest());
    }
}
