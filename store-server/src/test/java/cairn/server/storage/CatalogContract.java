package cairn.server.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.Catalog.Change;
import cairn.server.storage.Catalog.Change.Delete;
import cairn.server.storage.Catalog.Change.PutIfAbsent;
import cairn.server.storage.Catalog.Change.PutIfVersion;
import cairn.server.storage.Catalog.Change.Require;
import cairn.server.storage.Catalog.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What holds for any {@link Catalog}. */
abstract class CatalogContract extends StorageContract {
    Catalog catalog;

    @BeforeEach
    void catalog() {
        catalog = storage.catalog();
    }

    @Test
    void findsWhatWasCommitted() {
        commit(put("image/a", "one"), put("image/b", ""));

        assertEquals("one", value("image/a"));
        assertEquals("", value("image/b"));
        assertEquals(1, version("image/a"));
        assertTrue(catalog.find("image/").isEmpty());
        assertTrue(catalog.find("image/ab").isEmpty());
    }

    @Test
    void versionsGrowByOneAndStartAgainAfterADelete() {
        commit(put("a", "1"));
        commit(new PutIfVersion("a", 1, bytes("2")));
        commit(new PutIfVersion("a", 2, bytes("3")));
        assertEquals(3, version("a"));

        commit(new Delete("a", 3));
        assertTrue(catalog.find("a").isEmpty());

        commit(put("a", "4"));
        assertEquals(1, version("a"));
    }

    @Test
    void refusesWhatHasChangedMeanwhileAndNamesIt() {
        commit(put("taken", "1"), put("changed", "1"));
        commit(new PutIfVersion("changed", 1, bytes("2")));

        assertConflict("taken", put("taken", "2"));
        assertConflict("changed", new PutIfVersion("changed", 1, bytes("3")));
        assertConflict("changed", new Delete("changed", 1));
        assertConflict("gone", new PutIfVersion("gone", 1, bytes("3")));
        assertConflict("gone", new Delete("gone", 1));
        assertEquals("2", value("changed"));
    }

    @Test
    void makesAllChangesOrNone() {
        commit(put("a", "1"), put("b", "1"));

        assertConflict("b", put("c", "1"), new Delete("a", 1), put("b", "2"));

        assertEquals("1", value("a"));
        assertEquals("1", value("b"));
        assertTrue(catalog.find("c").isEmpty());
    }

    @Test
    void requiresARecordAsItWasAndLeavesItSo() {
        commit(put("source", "1"));

        commit(new Require("source", 1), put("copy", "1"));
        commit(new Require("source", 1));

        assertEquals(1, version("source"));
        assertEquals("1", value("source"));
        commit(new PutIfVersion("source", 1, bytes("2")));
        assertConflict("source", new Require("source", 1), put("late", "1"));
        assertConflict("gone", put("late", "1"), new Require("gone", 1));
        assertTrue(catalog.find("late").isEmpty());
        assertFault(Fault.INVALID_REQUEST, () -> new Require("a", 0));
        assertFault(Fault.INVALID_REQUEST, () -> commit(new Require("source", 2), new Delete("source", 2)));
    }

    @Test
    void refusesToChangeARecordTwiceAtOnce() {
        assertFault(Fault.INVALID_REQUEST, () -> commit(put("a", "1"), put("a", "2")));

        assertTrue(catalog.find("a").isEmpty());
    }

    @Test
    void commitsNothingWhereNothingIsToChange() {
        catalog.commit(List.of());

        assertEquals(List.of(), keys(catalog.list("", "", 10)));
    }

    @Test
    void listsInTheOrderOfUtf8Bytes() {
        // In UTF-16 the emoji's surrogates would come before U+FF5E, in UTF-8 they come after.
        List<String> keys = List.of("a", "a/1", "a/10", "a/2", "a/\u00e9", "a/\uff5e", "a/\ud83d\ude00", "a0", "b");
        List<Change> changes = new ArrayList<>();
        for (int n = keys.size() - 1; n >= 0; n--) {
            changes.add(put(keys.get(n), "v"));
        }
        catalog.commit(changes);

        assertEquals(keys, keys(catalog.list("", "", 100)));
        assertEquals(keys.subList(1, 7), keys(catalog.list("a/", "", 100)));
        assertEquals(keys.subList(3, 7), keys(catalog.list("a/", "a/10", 100)));
        assertEquals(keys.subList(3, 5), keys(catalog.list("a/", "a/10", 2)));
        assertEquals(keys.subList(1, 7), keys(catalog.list("a/", "a", 100)));
        assertEquals(keys.subList(2, 7), keys(catalog.list("a/", "a/1", 100)));
        assertEquals(List.of(), keys(catalog.list("a/", "b", 100)));
        assertEquals(keys.subList(1, 4), keys(catalog.list("", "a", 3)));
        assertEquals(List.of(), keys(catalog.list("c", "", 100)));
    }

    @Test
    void listsValuesAndVersions() {
        commit(put("a", "1"));
        commit(new PutIfVersion("a", 1, bytes("2")));

        Entry entry = catalog.list("a", "", 1).get(0);

        assertEquals(2, entry.version());
        assertArrayEquals(bytes("2"), entry.value());
    }

    @Test
    void keepsItsOwnCopyOfAValue() {
        byte[] value = bytes("kept");

        catalog.commit(List.of(new PutIfAbsent("a", value)));
        value[0] = 'X';
        catalog.find("a").orElseThrow().value()[1] = 'X';
        catalog.list("a", "", 1).get(0).value()[2] = 'X';

        assertEquals("kept", value("a"));
    }

    @Test
    void takesTheLongestKeyAndValueAndNoLonger() {
        String longest = "k".repeat(Catalog.KEY_BYTES_MAX);
        byte[] largest = Items.packed(1, Catalog.VALUE_BYTES_MAX);

        catalog.commit(List.of(new PutIfAbsent(longest, largest)));

        assertArrayEquals(largest, catalog.find(longest).orElseThrow().value());
        assertFault(Fault.INVALID_REQUEST, () -> put(longest + "k", "v"));
        assertFault(Fault.INVALID_REQUEST, () -> catalog.find(longest + "k"));
        assertFault(Fault.TOO_LARGE, () -> new PutIfAbsent("a", new byte[Catalog.VALUE_BYTES_MAX + 1]));
        assertFault(Fault.TOO_LARGE, () -> new PutIfVersion("a", 1, new byte[Catalog.VALUE_BYTES_MAX + 1]));
    }

    @Test
    void refusesKeysAndVersionsThatCannotBe() {
        assertFault(Fault.INVALID_REQUEST, () -> put("", "v"));
        assertFault(Fault.INVALID_REQUEST, () -> put("half a pair \ud83d", "v"));
        assertFault(Fault.INVALID_REQUEST, () -> catalog.find("half a pair \ud83d"));
        assertFault(Fault.INVALID_REQUEST, () -> new PutIfVersion("a", 0, bytes("v")));
        assertFault(Fault.INVALID_REQUEST, () -> new Delete("a", -1));
    }

    @Test
    void losesNoChangeBetweenWriters() {
        commit(put("count", "0"));

        CompletableFuture.allOf(IntStream.range(0, 4)
                        .mapToObj(writer -> CompletableFuture.runAsync(() -> addToCount(25)))
                        .toArray(CompletableFuture[]::new))
                .join();

        assertEquals("100", value("count"));
        assertEquals(101, version("count"));
    }

    private void addToCount(int times) {
        int done = 0;
        while (done < times) {
            Entry before = catalog.find("count").orElseThrow();
            int count = Integer.parseInt(new String(before.value(), UTF_8));
            try {
                commit(new PutIfVersion("count", before.version(), bytes(Integer.toString(count + 1))));
                done++;
            } catch (StoreException e) {
                assertEquals(Fault.CONFLICT, e.fault());
            }
        }
    }

    private void assertConflict(String key, Change... changes) {
        StoreException e = assertFault(Fault.CONFLICT, () -> commit(changes));
        assertTrue(e.getMessage().contains(key), e.getMessage());
    }

    private void commit(Change... changes) {
        catalog.commit(List.of(changes));
    }

    private static PutIfAbsent put(String key, String value) {
        return new PutIfAbsent(key, bytes(value));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private String value(String key) {
        return new String(catalog.find(key).orElseThrow().value(), UTF_8);
    }

    private long version(String key) {
        return catalog.find(key).orElseThrow().version();
    }

    private static List<String> keys(List<Entry> entries) {
        return entries.stream().map(Entry::key).toList();
    }
}
