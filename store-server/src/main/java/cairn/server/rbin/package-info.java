/**
 * The API of AWS's Recycle Bin as a door: the rules that say what goes into the recycle bin, and for how long. What
 * lies in it is listed and restored through EC2's API.
 *
 * <p>Start at {@link cairn.server.rbin.RbinDoor}. It keeps no data; {@link cairn.server.account.RetentionRules} does.
 * @see <a href="https://docs.aws.amazon.com/recyclebin/latest/APIReference/Welcome.html">The API</a>
 */
package cairn.server.rbin;
