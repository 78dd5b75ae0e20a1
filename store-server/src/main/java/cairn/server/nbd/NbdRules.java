package cairn.server.nbd;

import static cairn.server.nbd.NbdCommand.FLAG_DF;
import static cairn.server.nbd.NbdCommand.FLAG_FAST_ZERO;
import static cairn.server.nbd.NbdCommand.FLAG_FUA;
import static cairn.server.nbd.NbdCommand.FLAG_NO_HOLE;
import static cairn.server.nbd.NbdCommand.FLAG_REQ_ONE;

import cairn.server.volume.Volume;
import java.util.Optional;

/**
 * Says which requests an export does not serve, and with which of the protocol's errors they are answered:
 * <pre>
 *   EPERM   what would write to a read-only export
 *   EINVAL  unknown commands and flags, too much at once, no range where there must be one, a range where there is
 *           none; a range beyond the end, but for
 *   ENOSPC  WRITE and WRITE_ZEROES
 * </pre>
 */
final class NbdRules {
    /** Why a request is not served. */
    record Refusal(NbdError error, String why) {}

    private final Volume volume;
    private final boolean isStructured;
    private final boolean hasAllocation;
    private final int requestBytesMax;

    NbdRules(NbdSession session, NbdLimits limits) {
        this.volume = session.volume();
        this.isStructured = session.isStructured();
        this.hasAllocation = session.hasAllocation();
        this.requestBytesMax = limits.requestBytesMax();
    }

    Optional<Refusal> refusal(NbdRequest request) {
        NbdCommand command = request.command();
        if (command == NbdCommand.UNKNOWN) {
            return refuse(NbdError.EINVAL, "command " + request.code() + " is not known");
        }
        if (command.writes() && !volume.isWritable()) {
            return refuse(NbdError.EPERM, "the export is read-only");
        }
        if (request.hasOtherFlagsThan(flags(command))) {
            return refuse(NbdError.EINVAL, "not all of the flags " + request.flags() + " are for " + command);
        }
        if (command == NbdCommand.BLOCK_STATUS && !hasAllocation) {
            return refuse(NbdError.EINVAL, "no metadata context was negotiated");
        }
        return refuseRange(request);
    }

    private Optional<Refusal> refuseRange(NbdRequest request) {
        NbdCommand command = request.command();
        if (command.movesBytes() && request.lengthBytes() > requestBytesMax) {
            return refuse(NbdError.EINVAL, "a request may have " + requestBytesMax + " bytes");
        }
        if (command == NbdCommand.BLOCK_STATUS && request.lengthBytes() == 0) {
            return refuse(NbdError.EINVAL, "block status of no bytes");
        }
        if (command == NbdCommand.FLUSH && (request.offset() != 0 || request.lengthBytes() != 0)) {
            return refuse(NbdError.EINVAL, "a flush has no range");
        }
        if (!request.liesWithin(volume.sizeBytes())) {
            boolean needsSpace = command == NbdCommand.WRITE || command == NbdCommand.WRITE_ZEROES;
            return refuse(
                    needsSpace ? NbdError.ENOSPC : NbdError.EINVAL,
                    request + " goes beyond the export's " + volume.sizeBytes());
        }
        return Optional.empty();
    }

    /** The flags that a command may have. FUA is for all of them, once it is offered. */
    private int flags(NbdCommand command) {
        int everywhere = volume.isWritable() ? FLAG_FUA : 0;
        return everywhere | switch (command) {
            case READ -> isStructured ? FLAG_DF : 0;
            case WRITE_ZEROES -> FLAG_NO_HOLE | FLAG_FAST_ZERO;
            case BLOCK_STATUS -> FLAG_REQ_ONE;
            case WRITE, DISC, FLUSH, TRIM, CACHE, UNKNOWN -> 0;
        };
    }

    private static Optional<Refusal> refuse(NbdError error, String why) {
        return Optional.of(new Refusal(error, why));
    }
}
