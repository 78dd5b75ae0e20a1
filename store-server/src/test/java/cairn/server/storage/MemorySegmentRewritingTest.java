package cairn.server.storage;

class MemorySegmentRewritingTest extends SegmentRewritingContract {
    @Override
    Storage newStorage() {
        return new MemoryStorage();
    }
}
