package cairn.server.storage;

class MemoryChunkIndexTest extends ChunkIndexContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
