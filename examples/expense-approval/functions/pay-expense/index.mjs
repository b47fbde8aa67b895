// Pays an approved expense with the next salary.

/** Pays `{expense, approvedBy}`; gives `{paymentId, amount, approvedBy}`. */
export async function handler({ expense, approvedBy }) {
  console.log(`paying ${expense.amount.toFixed(2)} to ${expense.employee}, approved by ${approvedBy}`);
  return { paymentId: `E-${expense.id}`, amount: expense.amount, approvedBy };
}
