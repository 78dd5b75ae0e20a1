package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;

import cairn.server.storage.Ordinal;
import cairn.server.storage.SegmentStore.Extent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.rocksdb.LiveFileMetaData;
import org.rocksdb.Options;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;
import org.rocksdb.TableProperties;

/**
 * The database's files of items, by what RocksDB keeps in memory about them. How many entries a file has it knows only
 * of those that it wrote in this run: of others that is read from the file, once, 0.1 ms each.
 */
final class ItemFiles {
    private static final Set<Family> FAMILIES = EnumSet.of(Family.CHUNKS, Family.SETTLED, Family.QUICK);

    /** By the file's name, which no other ever has. Guarded by {@code this}. */
    private final Map<String, Long> counted = new HashMap<>();

    /** All of them, in the order of their first ordinals, without their numbers of items. */
    static List<ItemFile> list(Database.Handles handles) {
        List<ItemFile> files = new ArrayList<>();
        for (LiveFileMetaData live : handles.db().getLiveFilesMetaData()) {
            if (isOfItems(live)) {
                files.add(new ItemFile(
                        Family.of(live), live.fileName(), live.level() > 0, ordinals(live),
                        live.numEntries() - live.numDeletions(), live.size()));
            }
        }
        files.sort(Comparator.comparingLong(file -> file.ordinals().first()));
        return files;
    }

    static boolean isOfItems(LiveFileMetaData file) {
        return FAMILIES.contains(Family.of(file));
    }

    /** What is removed in a row is named by the key that follows it. */
    static Ordinals ordinals(LiveFileMetaData live) {
        long last = Keys.number(live.largestKey());
        return new Ordinals(
                Keys.number(live.smallestKey()), live.largestKey().length < Keys.CHUNK_BYTES ? last - 1 : last);
    }

    /** As {@link #list}, with how many items each has. */
    synchronized List<ItemFile> count(Database.Handles handles) throws RocksDBException {
        List<ItemFile> listed = list(handles);
        counted.keySet().retainAll(listed.stream().map(ItemFile::name).collect(Collectors.toSet()));
        Set<Family> uncounted = listed.stream()
                .filter(file -> file.items() == 0 && !counted.containsKey(file.name()))
                .map(ItemFile::family)
                .collect(Collectors.toSet());
        for (Family family : uncounted) {
            countAll(handles, family, listed);
        }
        List<ItemFile> files = new ArrayList<>();
        for (ItemFile file : listed) {
            files.add(new ItemFile(
                    file.family(), file.name(), file.isLowest(), file.ordinals(),
                    file.items() > 0 ? file.items() : counted.get(file.name()), file.storedBytes()));
        }
        return files;
    }

    private void countAll(Database.Handles handles, Family family, List<ItemFile> listed) throws RocksDBException {
        try {
            handles.db().getPropertiesOfAllTables(handles.of(family)).forEach(this::count);
        } catch (RocksDBException e) {
            // One that cannot be opened: of the others we shall know, and of this one what its ends tell.
        }
        for (ItemFile file : listed) {
            if (file.family() == family && file.items() == 0 && !counted.containsKey(file.name())) {
                countOne(handles, file);
            }
        }
    }

    private void countOne(Database.Handles handles, ItemFile file) throws RocksDBException {
        Ordinals ordinals = file.ordinals();
        boolean isOneSegment = Ordinal.segment(ordinals.first()) == Ordinal.segment(ordinals.last());
        long unknown = isOneSegment ? ordinals.last() - ordinals.first() + 1 : 1;
        counted.put(file.name(), properties(handles, file)
                .map(properties -> properties.getNumEntries() - properties.getNumDeletions())
                .orElse(unknown));
    }

    /** Those that cannot be opened at all. */
    static List<ItemFile> unreadable(Database.Handles handles) throws RocksDBException {
        List<ItemFile> unreadable = new ArrayList<>();
        for (ItemFile file : list(handles)) {
            if (properties(handles, file).isEmpty()) {
                unreadable.add(file);
            }
        }
        return unreadable;
    }

    /** What a file says of itself, read past the database; empty if it cannot be opened. */
    private static Optional<TableProperties> properties(Database.Handles handles, ItemFile file) throws RocksDBException {
        try (Options options = new Options();
                SstFileReader reader = new SstFileReader(options)) {
            reader.open(handles.db().getName() + file.name());
            return Optional.of(reader.getTableProperties());
        } catch (RocksDBException e) {
            if (Failures.faultOf(e.getStatus()) != CORRUPT) {
                throw e;
            }
            return Optional.empty();
        }
    }

    private void count(String path, TableProperties properties) {
        counted.put(path.substring(path.lastIndexOf('/')), properties.getNumEntries() - properties.getNumDeletions());
    }

    /** Files that share ordinals, as one: they lie together, and are rewritten together. */
    static List<Extent> extents(List<ItemFile> files, boolean isSettled) {
        List<Extent> extents = new ArrayList<>();
        for (ItemFile file : files) {
            Extent last = extents.isEmpty() ? null : extents.get(extents.size() - 1);
            if (last != null && file.ordinals().first() <= last.lastOrdinal()) {
                extents.set(extents.size() - 1, new Extent(
                        last.firstOrdinal(), Math.max(last.lastOrdinal(), file.ordinals().last()),
                        last.items() + file.items(), last.storedBytes() + file.storedBytes(), isSettled));
            } else {
                extents.add(new Extent(file.ordinals().first(), file.ordinals().last(), file.items(), file.storedBytes(), isSettled));
            }
        }
        return extents;
    }
}
