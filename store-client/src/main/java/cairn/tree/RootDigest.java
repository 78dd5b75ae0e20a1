package cairn.tree;

import cairn.Digest;

/** Names a disk's content: equal disks have equal root digests, on any machine. */
public record RootDigest(Digest digest) {

    /** Reads 64 lower-case hexadecimal digits. @throws cairn.StoreException INVALID_REQUEST for anything else */
    public static RootDigest parse(String hex) {
        return new RootDigest(Digest.parse(hex));
    }

    /** 64 lower-case hexadecimal digits. */
    @Override
    public String toString() {
        return digest.toString();
    }
}
