package cairn.server.storage.rocks;

import static cairn.Fault.CORRUPT;
import static cairn.Fault.INTERNAL;
import static cairn.Fault.NO_SPACE;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import java.nio.file.Path;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

/** What RocksDB's failures mean here. */
final class Failures {
    private Failures() {}

    /** @param what what was tried, with ids and numbers, as in "read chunk 12ab... at ordinal 3/0" */
    static StoreException of(String what, Path folder, RocksDBException e) {
        Fault fault = faultOf(e.getStatus());
        String why = switch (fault) {
            case NO_SPACE -> "no space left in " + folder;
            case CORRUPT -> "what is stored in " + folder + " is damaged: " + e.getMessage();
            default -> e.getMessage();
        };
        return new StoreException(fault, "cannot " + what + ": " + why, e);
    }

    static Fault faultOf(Status status) {
        if (status == null) {
            return INTERNAL;
        }
        return switch (status.getCode()) {
            case Corruption -> CORRUPT;
            case ShutdownInProgress -> SHUTTING_DOWN;
            default -> status.getSubCode() == Status.SubCode.NoSpace ? NO_SPACE : INTERNAL;
        };
    }
}
