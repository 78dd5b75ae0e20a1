package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INTERNAL;
import static cairn.server.storage.rocks.Unfinished.Phase.ADDING_REWRITTEN;
import static cairn.server.storage.rocks.Unfinished.Phase.ADDING_WRITTEN;
import static cairn.server.storage.rocks.Unfinished.Phase.COMPACTING;
import static cairn.server.storage.rocks.Unfinished.Phase.REMOVING_REWRITTEN;
import static cairn.server.storage.rocks.Unfinished.Phase.REMOVING_WRITTEN;

import cairn.StoreException;
import cairn.chunk.ChunkCodec;
import cairn.chunk.Codec;
import cairn.server.storage.ItemKey;
import cairn.server.storage.Ordinal;
import cairn.server.storage.ProvenItem;
import cairn.server.storage.SegmentStore.Extent;
import cairn.server.storage.SegmentStore.Item;
import cairn.server.storage.SegmentStore.Rewriting;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.rocksdb.CompactRangeOptions;
import org.rocksdb.CompactRangeOptions.BottommostLevelCompaction;
import org.rocksdb.FlushOptions;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;

/**
 * Rewrites extents, in one of three ways.
 *
 * <p><b>Whole dead</b> ones are dropped: RocksDB takes their files out of its manifest, and nothing is read.
 *
 * <p><b>Moved</b> are written ones that settle, and all in which something is damaged. What lives is read, proven and
 * written to files of our own, split alike in each family. These are added to the database, and then the files that it
 * came from are dropped. Before each of the two a note of it is synced ({@link Unfinished}): with the first, a crash is
 * undone, with the second it is finished. So everything that lives is always there at least once.
 *
 * <p><b>Compacted</b> are all others, by RocksDB itself: the dead are removed by tombstones, which are written out at
 * once, alone, so that their file reaches over no other extent; then RocksDB merges that range. It has been read
 * before, for a compaction that meets a damaged block makes RocksDB refuse all writes.
 *
 * <p>What changes files does so under the store's monitor, and never waits for {@link Rewriting#used} there.
 */
final class Rewriter {
    /** Told of each step, so that tests can fail there. */
    interface Steps {
        void reached(String step);
    }

    private static final long RUN_BYTES = 4L << 20;
    private static final int TRIES = 3;
    /** More than a block has of items, and of others between them. */
    private static final int PASSED_SINGLY_MAX = 1_000;

    private final RocksSegmentStore store;
    private final Database database;
    private final Tuning tuning;
    private final DataFolder folder;
    private final FreeSpace space;
    private final HealedItems healed;
    private final Steps steps;
    private long filesMade;

    Rewriter(
            RocksSegmentStore store, Database database, Tuning tuning, DataFolder folder, FreeSpace space,
            HealedItems healed, Steps steps) {
        this.store = store;
        this.database = database;
        this.tuning = tuning;
        this.folder = folder;
        this.space = space;
        this.healed = healed;
        this.steps = steps;
    }

    /** See {@link cairn.server.storage.SegmentStore#rewrite}. */
    synchronized long rewrite(List<Extent> extents, Rewriting how) {
        finish();
        if (extents.isEmpty()) {
            return 0;
        }
        boolean isSettled = extents.get(0).isSettled();
        Ordinals asked = new Ordinals(extents.get(0).firstOrdinal(), extents.get(extents.size() - 1).lastOrdinal());
        List<ItemFile> files = prepare(asked, isSettled);
        Ordinals all = files.stream().map(ItemFile::ordinals).reduce(asked, Ordinals::and);
        long bytesBefore = storedBytes(all);
        if (isWholeDead(all, how)) {
            drop(all, isSettled);
        } else if (!isSettled && how.isSettling()) {
            move(all, how, ADDING_REWRITTEN);
        } else if (!compact(all, how, files, extents.size() > 1)) {
            move(all, how, isSettled ? ADDING_WRITTEN : ADDING_REWRITTEN);
        }
        return bytesBefore - storedBytes(all);
    }

    private static List<Family> homes(boolean isSettled) {
        return isSettled ? List.of(Family.QUICK, Family.SETTLED) : List.of(Family.CHUNKS);
    }

    /**
     * What shares files with what is asked for, all of it in files of the lower level: those can be dropped one by one.
     */
    private List<ItemFile> prepare(Ordinals asked, boolean isSettled) {
        List<Family> homes = homes(isSettled);
        for (int n = 1; ; n++) {
            List<ItemFile> files = overlapping(asked, homes);
            if (!isSettled && files.stream().noneMatch(file -> file.ordinals().contains(asked.last()))) {
                // Only then: on a disk that is full, what is in files already can be dropped without a byte more.
                store.flushRows();
                files = overlapping(asked, homes);
            }
            if (n == TRIES || isSettled || files.stream().allMatch(ItemFile::isLowest)) {
                return files;
            }
            // Nothing is read: what was written out is moved by name.
            compact(Family.CHUNKS, asked, BottommostLevelCompaction.kIfHaveCompactionFilter);
        }
    }

    /** In ascending order; with those that share ordinals with these. */
    private List<ItemFile> overlapping(Ordinals asked, List<Family> homes) {
        List<ItemFile> all = database.read(() -> "list files of " + asked, ItemFiles::list);
        List<ItemFile> files = List.of();
        Ordinals reached = asked;
        while (true) {
            Ordinals within = reached;
            List<ItemFile> found = all.stream()
                    .filter(file -> homes.contains(file.family()) && file.ordinals().overlaps(within))
                    .toList();
            if (found.size() == files.size()) {
                return found;
            }
            files = found;
            reached = files.stream().map(ItemFile::ordinals).reduce(within, Ordinals::and);
        }
    }

    /** Of all files of items that lie in a run, wherever they are. */
    private long storedBytes(Ordinals all) {
        return database.read(() -> "list files of " + all, ItemFiles::list).stream()
                .filter(file -> all.contains(file.ordinals()))
                .mapToLong(ItemFile::storedBytes)
                .sum();
    }

    /**
     * Whether nothing lives. Segments number their items from 0 on, so that what the last number of each is says which
     * there may be: nothing else has to be read, and nothing at all where all is of one segment.
     */
    private boolean isWholeDead(Ordinals all, Rewriting how) {
        try {
            for (long at = all.first(); at <= all.last(); ) {
                long next = Ordinal.of(Ordinal.segment(at) + 1, 0);
                long last = next > all.last() ? all.last() : store.lastBefore(next).orElse(at);
                if (firstLive(at, last, how) >= 0) {
                    return false;
                }
                at = next > all.last() ? next : store.firstFrom(next).orElse(Long.MAX_VALUE);
            }
            return true;
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                return false;
            }
            throw e;
        }
    }

    private static long firstLive(long first, long last, Rewriting how) {
        for (long ordinal = first; ordinal <= last; ordinal++) {
            if (how.isLive(ordinal)) {
                return ordinal;
            }
        }
        return -1;
    }

    private void drop(Ordinals all, boolean isSettled) {
        synchronized (store) {
            for (Family home : homes(isSettled)) {
                remove(home, all);
                steps.reached("dropped from " + home);
            }
            healed.remove(healed.listIn(all));
            store.publish();
        }
    }

    /** Copies what lives to another place, and then removes it from where it was. */
    private void move(Ordinals all, Rewriting how, Unfinished.Phase adding) {
        try (RewrittenFiles files = new RewrittenFiles(tuning, number -> folder.rewritten(filesMade++))) {
            List<Long> unneeded = copy(all, how, adding, files);
            steps.reached("copied");
            synchronized (store) {
                add(all, adding, files);
                note(new Unfinished(adding == ADDING_REWRITTEN ? REMOVING_WRITTEN : REMOVING_REWRITTEN, all));
                steps.reached("removing");
                store.publish();
                finish();
                healed.remove(unneeded);
            }
        }
    }

    private void add(Ordinals all, Unfinished.Phase adding, RewrittenFiles files) {
        note(new Unfinished(adding, all));
        try {
            steps.reached("adding");
            for (Map.Entry<Family, List<Path>> each : files.files().entrySet()) {
                database.write(() -> "add rewritten " + all, handles -> {
                    handles.db().ingestExternalFile(
                            handles.of(each.getKey()), each.getValue().stream().map(Path::toString).toList(), tuning.ingest);
                    return null;
                });
                steps.reached("added to " + each.getKey());
            }
        } catch (RuntimeException e) {
            try {
                finish();
            } catch (RuntimeException more) {
                e.addSuppressed(more);
            }
            throw e;
        }
    }

    /** @return what of the healed items is not needed any more once the copies count */
    private List<Long> copy(Ordinals all, Rewriting how, Unfinished.Phase adding, RewrittenFiles files) {
        List<Long> unneeded = new ArrayList<>();
        Reading reading = new Reading(all, how);
        for (List<RunReader.Row> rows = reading.next(); !rows.isEmpty(); rows = reading.next()) {
            List<Copy> copies = new ArrayList<>();
            long bytes = 0;
            for (RunReader.Row row : rows) {
                if (row.home() == null) {
                    unneeded.add(row.item().ordinal());
                }
                if (how.isLive(row.item().ordinal())) {
                    Copy copy = adding == ADDING_REWRITTEN ? rewritten(row.item(), how) : written(row.item());
                    copies.add(copy);
                    bytes += copy.packed.length;
                }
            }
            space.requireForRewriting(bytes);
            database.read(() -> "rewrite " + all, handles -> {
                for (Copy copy : copies) {
                    files.add(copy.home, copy.key, copy.packed);
                }
                return null;
            });
            how.used(bytes);
        }
        database.read(() -> "rewrite " + all, handles -> {
            files.finish();
            return null;
        });
        return unneeded;
    }

    private record Copy(Family home, byte[] key, byte[] packed) {}

    private static Copy rewritten(Item item, Rewriting how) {
        byte[] plain = ProvenItem.unpack(item.ordinal(), item.key(), item.packed());
        byte[] key = Keys.chunk(item.ordinal(), item.key());
        boolean isSettling = how.isSettling()
                && item.key().kind() == ItemKey.CHUNK_KIND
                && !how.isQuick(item.ordinal());
        return isSettling
                ? new Copy(Family.SETTLED, key, pack(Codec.PLAIN, plain))
                : new Copy(Family.QUICK, key, item.packed());
    }

    private static Copy written(Item item) {
        byte[] plain = ProvenItem.unpack(item.ordinal(), item.key(), item.packed());
        return new Copy(Family.CHUNKS, Keys.chunk(item.ordinal(), item.key()), pack(Codec.LZ4, plain));
    }

    private static byte[] pack(Codec codec, byte[] plain) {
        byte[] packed = new byte[ChunkCodec.scratchBytes(plain.length)];
        return Arrays.copyOf(packed, ChunkCodec.pack(codec, plain, 0, plain.length, packed, 0));
    }

    /** All items of a run, in order and in pieces, but for damaged ones that are dead. */
    private final class Reading {
        private final Ordinals all;
        private final Rewriting how;
        private long at;
        /** How many ordinals were passed in a row. */
        private int passed;
        /** Whether something that is damaged was passed over. */
        private boolean hasPassed;
        private boolean hasHealed;

        Reading(Ordinals all, Rewriting how) {
            this.all = all;
            this.how = how;
            this.at = all.first();
        }

        /** @return empty at the end */
        List<RunReader.Row> next() {
            while (at <= all.last()) {
                try {
                    List<RunReader.Row> rows = store.readRows(at, all.last() + 1, RUN_BYTES, false);
                    if (rows.isEmpty()) {
                        break;
                    }
                    at = rows.get(rows.size() - 1).item().ordinal() + 1;
                    passed = 0;
                    hasHealed |= rows.stream().anyMatch(row -> row.home() == null);
                    how.used(rows.stream().mapToLong(row -> row.item().packed().length).sum());
                    return rows;
                } catch (StoreException e) {
                    if (e.fault() != CORRUPT) {
                        throw e;
                    }
                    passDamaged(e);
                }
            }
            return List.of();
        }

        /**
         * Passes one ordinal, for what another family has at the next may be readable; after many, all up to where it
         * is again, which may be segments away.
         */
        private void passDamaged(StoreException e) {
            Long healedNext = healed.next(at + 1);
            long limit = healedNext == null ? all.last() + 1 : Math.min(healedNext, all.last() + 1);
            passed++;
            long end = passed <= PASSED_SINGLY_MAX ? at + 1 : readableFrom(limit);
            long live = firstLive(at, end - 1, how);
            if (live >= 0) {
                throw new StoreException(
                        CORRUPT,
                        "the item at ordinal " + Ordinal.shown(live) + " cannot be read: " + e.getMessage(), e);
            }
            hasPassed = true;
            at = end;
        }

        /** The first ordinal behind the damage, found in few tries, for a block is read anew for each. */
        private long readableFrom(long limit) {
            long damaged = at;
            long readable = limit;
            for (long step = 1; damaged + step < limit; step *= 2) {
                if (isReadable(damaged + step)) {
                    readable = damaged + step;
                    break;
                }
                damaged += step;
            }
            while (damaged + 1 < readable) {
                long middle = damaged + (readable - damaged) / 2;
                if (isReadable(middle)) {
                    readable = middle;
                } else {
                    damaged = middle;
                }
            }
            return readable;
        }

        private boolean isReadable(long ordinal) {
            try {
                store.readRows(ordinal, all.last() + 1, 1, false);
                return true;
            } catch (StoreException e) {
                if (e.fault() != CORRUPT) {
                    throw e;
                }
                return false;
            }
        }
    }

    /**
     * Has RocksDB leave out what is dead.
     *
     * @param isMerging whether several files are to become one though nothing is dead
     * @return false, and nothing is changed, where something is damaged
     */
    private boolean compact(Ordinals all, Rewriting how, List<ItemFile> files, boolean isMerging) {
        Map<Family, Tombstones> dead = new EnumMap<>(Family.class);
        List<Long> deadHealed = new ArrayList<>();
        Reading reading = new Reading(all, how);
        for (List<RunReader.Row> rows = reading.next(); !rows.isEmpty(); rows = reading.next()) {
            for (RunReader.Row row : rows) {
                long ordinal = row.item().ordinal();
                if (row.home() == null) {
                    // What lies below it is not known to be readable.
                    deadHealed.add(ordinal);
                } else {
                    Tombstones tombstones = dead.computeIfAbsent(row.home(), home -> new Tombstones());
                    tombstones.see(ordinal, how.isLive(ordinal));
                }
            }
        }
        if (reading.hasPassed || reading.hasHealed) {
            return false;
        }
        dead.values().removeIf(Tombstones::isEmpty);
        List<Family> homes = files.stream()
                .map(ItemFile::family)
                .distinct()
                .filter(home -> dead.containsKey(home)
                        || isMerging && files.stream().filter(file -> file.family() == home).count() > 1)
                .toList();
        if (!homes.isEmpty()) {
            space.requireForRewriting(files.stream().mapToLong(ItemFile::storedBytes).sum());
            compact(all, dead, homes, isMerging);
        }
        return true;
    }

    private void compact(Ordinals all, Map<Family, Tombstones> dead, List<Family> homes, boolean isMerging) {
        synchronized (store) {
            store.flushRows();
            note(new Unfinished(COMPACTING, all));
            steps.reached("compacting");
            database.write(() -> "remove dead items of " + all, handles -> {
                try (WriteBatch batch = new WriteBatch()) {
                    for (Map.Entry<Family, Tombstones> each : dead.entrySet()) {
                        each.getValue().write(batch, handles.of(each.getKey()));
                    }
                    handles.db().write(tuning.logged, batch);
                }
                return null;
            });
            steps.reached("tombstones");
            for (Family home : dead.keySet()) {
                flush(home);
            }
        }
        steps.reached("flushed");
        for (Family home : homes) {
            compact(home, all, isMerging ? BottommostLevelCompaction.kForceOptimized : BottommostLevelCompaction.kIfHaveCompactionFilter);
            steps.reached("compacted " + home);
        }
        synchronized (store) {
            note(null);
            store.publish();
        }
    }

    private void flush(Family home) {
        database.write(() -> "write out " + home, handles -> {
            try (FlushOptions wait = new FlushOptions().setWaitForFlush(true)) {
                handles.db().flush(wait, handles.of(home));
            }
            return null;
        });
    }

    private void compact(Family home, Ordinals ordinals, BottommostLevelCompaction lowest) {
        database.write(() -> "compact " + ordinals, handles -> {
            try (CompactRangeOptions options = new CompactRangeOptions()
                    .setExclusiveManualCompaction(false)
                    .setBottommostLevelCompaction(lowest)) {
                handles.db().compactRange(handles.of(home), ordinals.fromKey(), ordinals.untilKey(), options);
            }
            return null;
        });
    }

    /** Undoes or finishes what was begun and left, by a failure or by an earlier run. */
    synchronized void finish() {
        synchronized (store) {
            Unfinished left = store.unfinished();
            if (left == null) {
                return;
            }
            for (Family surplus : left.phase().surplus()) {
                remove(surplus, left.ordinals());
                steps.reached("removed from " + surplus);
            }
            if (left.phase() == COMPACTING && isReadable(left.ordinals())) {
                for (Family home : List.of(Family.CHUNKS, Family.QUICK, Family.SETTLED)) {
                    compact(home, left.ordinals(), BottommostLevelCompaction.kIfHaveCompactionFilter);
                }
            }
            if (left.phase() == REMOVING_WRITTEN || left.phase() == REMOVING_REWRITTEN) {
                healed.remove(healed.in(left.ordinals()).entrySet().stream()
                        .filter(each -> store.isAtHome(each.getKey(), each.getValue()))
                        .map(Map.Entry::getKey)
                        .toList());
            }
            note(null);
            store.publish();
        }
    }

    private boolean isReadable(Ordinals ordinals) {
        try {
            for (long at = ordinals.first(); at <= ordinals.last(); ) {
                List<RunReader.Row> rows = store.readRows(at, ordinals.last() + 1, RUN_BYTES, false);
                if (rows.isEmpty()) {
                    return true;
                }
                if (rows.stream().anyMatch(row -> row.home() == null)) {
                    return false;
                }
                at = rows.get(rows.size() - 1).item().ordinal() + 1;
            }
            return true;
        } catch (StoreException e) {
            if (e.fault() == CORRUPT) {
                return false;
            }
            throw e;
        }
    }

    /** Drops the files of a family that lie in a run, and so all that it has there. Under the store's monitor. */
    private void remove(Family home, Ordinals ordinals) {
        for (int n = 0; n < TRIES; n++) {
            database.write(() -> "remove " + ordinals + " from " + home, handles -> {
                handles.db().deleteFilesInRanges(
                        handles.of(home), List.of(ordinals.fromKey(), ordinals.untilKey()), false);
                return null;
            });
            if (overlapping(ordinals, List.of(home)).isEmpty()) {
                return;
            }
            // Some are still in the upper level, or on their way from it.
            compact(home, ordinals, BottommostLevelCompaction.kIfHaveCompactionFilter);
        }
        throw new StoreException(INTERNAL, "files of " + home + " stay that have some of " + ordinals);
    }

    /** Notes, synced, what is about to be done; or, with null, that it is done. */
    private void note(Unfinished next) {
        database.write(() -> "note what is rewritten", handles -> {
            if (next == null) {
                handles.db().delete(handles.of(Family.DEFAULT), tuning.synced, Unfinished.KEY);
            } else {
                handles.db().put(handles.of(Family.DEFAULT), tuning.synced, Unfinished.KEY, next.encode());
            }
            return null;
        });
        store.setUnfinished(next);
    }
}
