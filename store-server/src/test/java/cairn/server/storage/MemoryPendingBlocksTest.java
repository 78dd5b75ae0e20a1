package cairn.server.storage;

class MemoryPendingBlocksTest extends PendingBlocksContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
