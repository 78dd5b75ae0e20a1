package cairn.server.storage.rocks;

import cairn.server.storage.Ordinal;
import cairn.server.storage.OrdinalSet;
import cairn.server.storage.StoredFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongConsumer;
import org.rocksdb.LiveFileMetaData;
import org.rocksdb.Options;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;

/**
 * The database's files, each opened by itself, so that neither a block cache nor a file that is open already hides what
 * has become of it.
 */
final class RocksFiles implements StoredFiles {
    /** Whose items say themselves whether they are damaged. */
    private static final Set<Family> SEGMENTS =
            EnumSet.of(Family.CHUNKS, Family.SETTLED, Family.QUICK, Family.HEALED);
    /** Of one segment, more than any has. */
    private static final int SLOTS_MAX = 1 << 18;

    private final Database database;
    private final DataFolder folder;

    RocksFiles(Database database, DataFolder folder) {
        this.database = database;
        this.folder = folder;
    }

    @Override
    public List<DamagedFile> check(LongConsumer used) {
        List<DamagedFile> damaged = new ArrayList<>();
        for (LiveFileMetaData file : live()) {
            boolean isReadWhole = !SEGMENTS.contains(Family.of(file));
            try {
                prove(pathOf(file), isReadWhole);
            } catch (RocksDBException e) {
                if (isLive(file)) {
                    String name = folder.root().relativize(pathOf(file)).toString();
                    damaged.add(new DamagedFile(name, Family.of(file).shown(), e.getMessage()));
                }
            }
            used.accept(isReadWhole ? file.size() : 0);
        }
        return damaged;
    }

    private static void prove(Path path, boolean isReadWhole) throws RocksDBException {
        try (Options options = new Options();
                SstFileReader reader = new SstFileReader(options)) {
            reader.open(path.toString());
            if (isReadWhole) {
                reader.verifyChecksum();
            }
        }
    }

    private List<LiveFileMetaData> live() {
        return database.read(() -> "list the files", handles -> handles.db().getLiveFilesMetaData());
    }

    /** Whether it was not merged into another since it was listed. */
    private boolean isLive(LiveFileMetaData file) {
        return live().stream().anyMatch(each -> each.fileName().equals(file.fileName()));
    }

    private Path pathOf(LiveFileMetaData file) {
        return folder.databaseFile(file.fileName());
    }

    @Override
    public OrdinalSet setAside() {
        OrdinalSet places = new OrdinalSet();
        for (Ordinals run : database.setAside()) {
            for (long segment = Ordinal.segment(run.first()); segment <= Ordinal.segment(run.last()); segment++) {
                long first = Math.max(run.first(), Ordinal.of(segment, 0));
                long last = Math.min(run.last(), Ordinal.of(segment, SLOTS_MAX));
                for (long ordinal = first; ordinal <= last; ordinal++) {
                    places.add(ordinal);
                }
            }
        }
        return places;
    }
}
