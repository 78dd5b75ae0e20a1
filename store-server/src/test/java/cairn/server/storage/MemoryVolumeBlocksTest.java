package cairn.server.storage;

class MemoryVolumeBlocksTest extends VolumeBlocksContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
