package cairn.server.storage;

class MemoryNotesTest extends NotesContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
