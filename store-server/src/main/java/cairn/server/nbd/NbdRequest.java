package cairn.server.nbd;

/**
 * A request of the transmission phase.
 *
 * @param code the command's code, also where we do not know it
 * @param cookie what the client knows its request by; every reply repeats it
 * @param offset not checked: negative if the client's 64 bits were
 * @param lengthBytes from 0 to 2^32 - 1
 */
record NbdRequest(NbdCommand command, int code, int flags, long cookie, long offset, long lengthBytes) {
    boolean hasFlag(int flag) {
        return (flags & flag) != 0;
    }

    boolean hasOtherFlagsThan(int allowed) {
        return (flags & ~allowed) != 0;
    }

    boolean liesWithin(long sizeBytes) {
        return offset >= 0 && offset <= sizeBytes && lengthBytes <= sizeBytes - offset;
    }

    @Override
    public String toString() {
        return (command == NbdCommand.UNKNOWN ? "command " + code : command.toString())
                + " of " + lengthBytes + " bytes at " + Long.toUnsignedString(offset)
                + (flags == 0 ? "" : " with flags " + flags);
    }
}
