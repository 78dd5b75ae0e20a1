package cairn.server.storage;

class MemoryCatalogTest extends CatalogContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
