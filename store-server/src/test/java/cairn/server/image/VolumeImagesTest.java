package cairn.server.image;

import cairn.server.storage.MemoryStorage;
import cairn.server.storage.Storage;

class VolumeImagesTest extends VolumeImagesContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
