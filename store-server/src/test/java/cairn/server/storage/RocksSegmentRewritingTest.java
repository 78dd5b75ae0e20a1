package cairn.server.storage;

import cairn.server.storage.rocks.RocksStorage;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class RocksSegmentRewritingTest extends SegmentRewritingContract {
    @TempDir
    Path folder;

    @Override
    Storage newStorage() {
        return RocksStorage.open(folder.resolve("data"));
    }
}
