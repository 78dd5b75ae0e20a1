package cairn.server.ec2;

/** What answers one EC2 operation. */
@FunctionalInterface
public interface Operation {
    /**
     * Checks everything that can be checked before anything is changed, and changes nothing.
     *
     * @throws Ec2Failure as EC2 would tell it; a {@link cairn.StoreException} is turned into one
     */
    Effect prepare(Ec2Request request);
}
