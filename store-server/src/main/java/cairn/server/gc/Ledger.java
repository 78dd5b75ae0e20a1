package cairn.server.gc;

import cairn.image.AccountId;
import java.time.Duration;
import java.util.List;

/**
 * What takes the space of a store, as it was when this was made.
 *
 * @param lines what each holder holds, and alone holds, those first that alone take the most space
 * @param accounts the same of everything that an account owns, in that order
 * @param keptChunks how many different chunks something keeps
 * @param storedBytes all extents, on the disk
 * @param reclaimableBytes the share in them of what nothing keeps
 * @param unfinishedBytes the share of what nothing keeps yet, and an upload that goes on may
 * @param took how long it took to find out
 * @param pageReads how many small records were read for that
 * @param heldBytes how much of the heap was held meanwhile, about
 */
public record Ledger(
        List<Line> lines,
        List<Account> accounts,
        long keptChunks,
        long storedBytes,
        long reclaimableBytes,
        long unfinishedBytes,
        Duration took,
        long pageReads,
        long heldBytes) {

    /** One holder's. @param logicalBytes the sizes of its disks */
    public record Line(Holder holder, long logicalBytes, Held held) {}

    /** One account's. @param logicalBytes the sizes of all its disks */
    public record Account(AccountId id, long logicalBytes, Held held) {}
}
