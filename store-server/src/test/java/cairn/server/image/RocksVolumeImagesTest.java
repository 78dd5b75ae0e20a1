package cairn.server.image;

import cairn.server.storage.Storage;
import cairn.server.storage.rocks.RocksStorage;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class RocksVolumeImagesTest extends VolumeImagesContract {
    @TempDir
    private Path folder;

    @Override
    Storage newStorage() {
        return RocksStorage.open(folder.resolve("data"));
    }
}
