package cairn.tree;

import cairn.Digest;

/** Names a page by its level and the SHA-256 of its bytes, which hold the level too. */
public record PageId(int level, Digest digest) {

    /** Stands for a page without any chunk below it, which is stored nowhere. */
    public boolean isAbsent() {
        return digest.isZero();
    }

    @Override
    public String toString() {
        return "L" + level + ':' + digest;
    }
}
