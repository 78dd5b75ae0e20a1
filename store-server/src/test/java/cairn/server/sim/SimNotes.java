package cairn.server.sim;

import cairn.server.storage.Notes;
import java.util.Optional;

/** Notes on a simulated disk: after a crash there may be the one before, or none. */
final class SimNotes implements Notes {
    private final SimStorage storage;

    SimNotes(SimStorage storage) {
        this.storage = storage;
    }

    @Override
    public Optional<byte[]> find(String name) {
        storage.pass();
        return storage.disk().findNote(name);
    }

    @Override
    public void put(String name, byte[] bytes) {
        storage.pass();
        if (storage.disk().outcome() == SimDisk.Outcome.REFUSED) {
            throw SimDisk.full();
        }
        storage.disk().putNote(name, Optional.of(bytes.clone()));
        storage.pass();
    }

    @Override
    public void remove(String name) {
        storage.pass();
        storage.disk().putNote(name, Optional.empty());
        storage.pass();
    }
}
