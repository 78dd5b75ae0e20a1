package cairn.server.storage;

import cairn.server.storage.MemoryStorage.Door;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Notes on the heap. */
final class MemoryNotes implements Notes {
    private final Door door;
    private final Map<String, byte[]> blobs = new ConcurrentHashMap<>();

    MemoryNotes(Door door) {
        this.door = door;
    }

    @Override
    public Optional<byte[]> find(String name) {
        door.requireOpen();
        return Optional.ofNullable(blobs.get(name)).map(byte[]::clone);
    }

    @Override
    public void put(String name, byte[] bytes) {
        door.requireOpen();
        blobs.put(name, bytes.clone());
    }

    @Override
    public void remove(String name) {
        door.requireOpen();
        blobs.remove(name);
    }
}
