"""AWS's wire formats; knows no noun of Personalize."""
