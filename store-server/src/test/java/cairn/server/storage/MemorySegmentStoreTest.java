package cairn.server.storage;

class MemorySegmentStoreTest extends SegmentStoreContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
